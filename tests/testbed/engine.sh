#!/bin/sh
# Stops and starts the Engine of a node while the node itself keeps running, like systemctl on a real machine.
# usage: engine.sh stop|start FOLDER_OF_THE_NODE
set -eu
case "$1" in
stop)
    touch "$2/stopped"
    pid=$(cat "$2/pid")
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    ;;
start) rm -f "$2/stopped" ;;
esac
