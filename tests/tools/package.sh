#!/bin/sh
# Builds the collection, installs it into an empty folder as a user would, and checks its documentation and a task.
set -eu
cd "$(dirname "$0")/../.."
sh tests/tools/bootstrap.sh docs
work=$(pwd)/.cache/package
bin=$(pwd)/.cache/venv/bin
rm -rf "$work"
mkdir -p "$work/build" "$work/source"
# A copy of the tracked files: the checkout's caches don't belong to the collection.
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$work/source" 2>/dev/null || true
# Ansible must find only the installed collection, not this checkout.
export ANSIBLE_COLLECTIONS_PATH="$work/installed" ANSIBLE_HOME="$work/home"
"$bin/ansible-galaxy" collection build "$work/source" --output-path "$work/build" >/dev/null
"$bin/ansible-galaxy" collection install "$work"/build/*.tar.gz -p "$work/installed" --offline >/dev/null
test -e "$work/installed/ansible_collections/stackwright/swarm/MANIFEST.json"
# Of the tests only the file that ansible-test reads in an installed collection.
held=$(cd "$work/installed/ansible_collections/stackwright/swarm" && find tests -type f)
[ "$held" = tests/config.yml ] || { echo "package: the archive has $held"; exit 1; }
# One process for all modules: most of the time is Ansible's start.
modules=$(for module in plugins/modules/*.py; do echo "stackwright.swarm.$(basename "$module" .py)"; done)
(cd "$work" && "$bin/ansible-doc" -t module $modules >"$work/doc" 2>"$work/doc.err") || { cat "$work/doc.err"; exit 1; }
for name in $modules; do
    grep -q "MODULE .*/plugins/modules/${name##*.}\.py)" "$work/doc" || { echo "package: $name is not documented"; exit 1; }
done
echo "package: $(echo "$modules" | wc -l) modules are documented"
cat >"$work/use.yml" <<'P'
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - stackwright.swarm.compose_stack:
        name: shop
        docker_host: unix:///nonexistent/docker.sock
        definition: {services: {web: {image: "nginx:1"}}}
      register: tried
      ignore_errors: true
    - ansible.builtin.assert:
        that: tried.error_code == "daemon_unreachable"
P
(cd "$work" && "$bin/ansible-playbook" "$work/use.yml" >"$work/use.log" 2>&1) || { cat "$work/use.log"; exit 1; }
# ansible-builder must install the README's requirements of a controller into an execution environment (PyYAML comes with ansible-core).
"$bin/ansible-builder" introspect "$work/installed" >"$work/introspect" 2>&1 || { cat "$work/introspect"; exit 1; }
for name in docker; do
    grep -q "^- '$name>=.*stackwright.swarm'" "$work/introspect" || {
        echo "package: ansible-builder introspect does not list $name:"
        cat "$work/introspect"
        exit 1
    }
done
# The files of an image with the collection; building it needs a registry.
"$bin/ansible-builder" create -f "$work/installed/ansible_collections/stackwright/swarm/extensions/awx/execution-environment.yml" -c "$work/environment" \
    >"$work/create" 2>&1 || { cat "$work/create"; exit 1; }
grep -q 'ansible-galaxy collection install' "$work"/environment/*file || { echo "package: the execution environment installs no collection"; exit 1; }
# Galaxy's own checks; make lint runs ansible-lint.
cat >"$work/importer.cfg" <<'P'
[galaxy-importer]
CHECK_REQUIRED_TAGS=True
RUN_ANSIBLE_DOC=True
RUN_ANSIBLE_LINT=False
RUN_FLAKE8=False
P
(cd "$work" && GALAXY_IMPORTER_CONFIG=$work/importer.cfg PATH=$bin:$PATH \
    "$bin/python" -m galaxy_importer.main "$work"/build/*.tar.gz >"$work/importer.log" 2>&1) || { cat "$work/importer.log"; exit 1; }
if grep -E '^(ERROR|WARNING)' "$work/importer.log" || ! grep -q 'completed successfully' "$work/importer.log"; then
    tail -n 5 "$work/importer.log"
    exit 1
fi
echo "package: Galaxy's importer has no finding"
echo "package: $(basename "$work"/build/*.tar.gz) installs and works, $(du -k "$work"/build/*.tar.gz | cut -f1) kB"
