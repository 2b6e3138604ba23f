#!/bin/sh
# Runs as root on the fresh machine: Node's links, git, Docker on whole cgroup hierarchies, debian:12 in the place of a
# registry's, the user ann in group docker, bob in none, and /srv/capstan as a repository to clone.
set -eu
[ -e /etc/capstan-fresh-machine ] || exit 1

ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm
ln -s ../lib/npm/bin/npx-cli.js /usr/local/bin/npx
chmod -R go+rX /usr/local/bin/node /usr/local/lib/npm

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends git docker.io iptables mmdebstrap

# Debian's containerd would not see the mounts of dockerd's namespace; dockerd starts one of its own.
systemctl stop docker.service docker.socket containerd
systemctl mask containerd
mkdir -p /etc/systemd/system/docker.service.d
printf '%s\n' '[Service]' 'EnvironmentFile=/etc/whole-cgroups' 'ExecStart=' \
  'ExecStart=/usr/bin/unshare --mount --propagation private /usr/local/sbin/whole-cgroups dockerd -H fd://' \
  >/etc/systemd/system/docker.service.d/cgroups.conf
echo "CGROUPS=$1" >/etc/whole-cgroups
systemctl daemon-reload
systemctl start docker
mmdebstrap --quiet --variant=minbase bookworm | docker import - debian:12
apt-get purge -qq -y mmdebstrap

useradd --create-home --shell /bin/bash --groups docker ann
useradd --create-home --shell /bin/bash bob

git config --system safe.directory '*'
git config --system user.email test@example.com
git config --system user.name test
chmod -R go+rX /srv/capstan
cd /srv/capstan
git init -q -b main
git add -A
git commit -qm 'The working tree'
