#!/bin/sh
# The first process of a node, in its own namespaces: mounts, host name, processes, network.
# usage: node.sh HOSTNAME CONFIG_FILE RESOLV_CONF PROGRAMS
# When dockerd ends, or this process is killed, the kernel ends all processes of the node.
set -eu
mount --make-rprivate /
mount -t proc proc /proc
# Otherwise the Engine would find the sockets of an Engine on the host.
for folder in /run/docker /run/containerd; do
    mkdir -p "$folder"
    mount -t tmpfs tmpfs "$folder"
done
# Without AppArmor's file system the Engine requests no profiles, which need tools that may be missing.
[ ! -d /sys/kernel/security ] || mount -t tmpfs tmpfs /sys/kernel/security
# A name server that refuses at once, instead of a ten-second wait for the internet.
mount --bind "$3" /etc/resolv.conf
hostname "$1"
export PATH="$4:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
unset DOCKER_HOST DOCKER_CONTEXT || true
# Go collects garbage less often: a seventh less CPU for the Engine and the processes that it starts for a container.
export GOGC=400
stopped=$(dirname "$2")/stopped
while :; do
    dockerd --config-file "$2" &
    # The shell's wait also reaps the orphans of the namespace.
    wait $! || [ -e "$stopped" ]
    [ -e "$stopped" ] || exit
    # engine.sh has stopped it, and starts it again.
    while [ -e "$stopped" ]; do sleep 0.1; done
done
