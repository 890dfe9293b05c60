#!/bin/sh
# Stops and starts the engine of a node while the node itself goes on: what systemctl does on a machine of its own.
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
