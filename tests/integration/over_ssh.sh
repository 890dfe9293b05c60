#!/bin/sh
# Makes a node take ssh: users, sudo and programs that only its own namespaces see.
# usage: over_ssh.sh FOLDER_OF_THE_NODE FOLDER_OF_THE_KEYS ADDRESS SOCKET_OF_THE_ENGINE PROGRAMS
set -eu
own=$1 keys=$2 address=$3 socket=$4 programs=$5
home=$own/home
mkdir -p /run/sshd "$own/etc/pam.d" "$own/work" "$home/.ssh"
cp /etc/resolv.conf "$own/etc/"  # mounted there; an overlay shows the one below
{ cat /etc/passwd; echo "sshd:x:4241:65534::/run/sshd:/usr/sbin/nologin"; echo "deploy:x:4242:4242::$home:/bin/sh"; } >"$own/etc/passwd"
{ cat /etc/group; echo "deploy:x:4242:"; } >"$own/etc/group"
(umask 077 && { cat /etc/shadow; echo "sshd:*:1::::::"; echo "deploy:*:1::::::"; } >"$own/etc/shadow")
(umask 337 && echo "deploy ALL=(ALL) NOPASSWD: ALL" >"$own/etc/sudoers")
for kind in auth account session; do echo "$kind required pam_permit.so"; done >"$own/etc/pam.d/sudo"
{ cat /etc/hosts; echo "$address $(hostname)"; } >"$own/etc/hosts"  # sudo looks for it
cp "$keys/key.pub" "$home/.ssh/authorized_keys"
(umask 077 && cp "$keys/host_key" "$own/host_key")
chown -R 4242:4242 "$home"
chmod 700 "$home" "$home/.ssh"
# Modules find the node's Engine as on any manager: at the usual place, or here.
printf '#!/bin/sh\nexec env DOCKER_HOST=unix://%s /usr/bin/python3 "$@"\n' "$socket" >"$own/python"
chmod 755 "$own/python"
mount -t overlay -o "lowerdir=$programs/usr:/usr" overlay /usr
mount -t overlay -o "lowerdir=/etc,upperdir=$own/etc,workdir=$own/work" overlay /etc
cat >"$own/sshd_config" <<S
ListenAddress $address
HostKey $own/host_key
PasswordAuthentication no
StrictModes no
PidFile none
MaxStartups 100
Subsystem sftp /usr/lib/openssh/sftp-server
S
/usr/sbin/sshd -f "$own/sshd_config" -E "$own/sshd.log"
