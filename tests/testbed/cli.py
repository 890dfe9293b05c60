"""Commands of the test bed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import cleanup, engines, images, inventory, quickstart, records, registry_demo
from .bed import Bed
from .paths import BedError


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments) or 0
    except BedError as error:
        print(f"{arguments.program}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print("testbed: interrupted", file=sys.stderr)
        return 130


def up(arguments: argparse.Namespace) -> None:
    begin = time.monotonic()
    registries = ("open", "auth") if arguments.auth_registry else ("open",) if arguments.registry else ()
    bed = Bed.up(
        arguments.prefix, arguments.engine, arguments.managers, arguments.workers, registries, not arguments.no_swarm
    )
    for name in arguments.images:
        print(f"image     {bed.images[name]}")
    _show(bed)
    print(f"up after {time.monotonic() - begin:.1f} s")


def down(arguments: argparse.Namespace) -> None:
    removed = cleanup.remove_all() if arguments.all else [arguments.prefix] * cleanup.remove(arguments.prefix)
    print(f"removed {', '.join(removed)}" if removed else "nothing to remove")


def status(arguments: argparse.Namespace) -> None:
    found = [record for record in records.all_here() if arguments.prefix in (None, record.prefix)]
    for record in found:
        _show(Bed(record))
    if not found:
        print("no bed is up")


def execute(arguments: argparse.Namespace) -> None:
    command = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    inside = Bed.find(arguments.prefix).node(arguments.node).inside(command or ["sh"])
    os.execvp(inside[0], inside)


def kill(arguments: argparse.Namespace) -> None:
    Bed.find(arguments.prefix).kill(arguments.node)


def start(arguments: argparse.Namespace) -> None:
    Bed.find(arguments.prefix).start(arguments.node)


def partition(arguments: argparse.Namespace) -> None:
    Bed.find(arguments.prefix).node(arguments.node).partition()


def heal(arguments: argparse.Namespace) -> None:
    Bed.find(arguments.prefix).node(arguments.node).heal()


def image(arguments: argparse.Namespace) -> None:
    config = json.loads(arguments.config)
    if arguments.cmd:
        config["Cmd"] = arguments.cmd.split()
    bed = Bed.find(arguments.prefix)
    if arguments.folder:
        print(bed.images.from_folder(arguments.folder, arguments.name, config, arguments.base, arguments.into))
    else:
        print(bed.images.publish(images.build(arguments.name), f"{arguments.name}:1"))


def write_inventory(arguments: argparse.Namespace) -> None:
    inventory.write(Bed.find(arguments.prefix), arguments.path)


def _show(bed: Bed) -> None:
    print(f"bed       {bed.prefix}: engine {bed.engine}, bridge {bed.network.bridge} {bed.network.address(1)}")
    for node in bed.nodes.values():
        state = "up" if node.is_up else "down"
        print(f"{node.role:9} {node.name}  {state:4}  {node.address}  DOCKER_HOST={node.docker_host}")
    for registry in bed.registries.values():
        login = f"  user {registry.user}, password {registry.password}" if registry.user else ""
        print(f"registry  {'up' if registry.is_up else 'down':8}  {registry.address}{login}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="testbed", description="Real Docker Swarms on one machine, for tests.")
    parser.set_defaults(program="testbed")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable, name: str, summary: str, node: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(command=function)
        added.add_argument("--prefix", default=None if name == "status" else "test", help="the bed's name")
        if node:
            added.add_argument("--node", default="m1", help="m1, m2, ... for managers, w1, w2, ... for workers")
        return added

    added = command(up, "up", "bring up a bed; one that is up and healthy is kept")
    added.add_argument("--engine", default=engines.DEFAULT, choices=sorted(engines.SOURCES))
    added.add_argument("--managers", type=int, default=1)
    added.add_argument("--workers", type=int, default=0)
    added.add_argument("--registry", action=argparse.BooleanOptionalAction, default=True)
    added.add_argument("--auth-registry", action="store_true", help="a second registry, with user and password")
    added.add_argument("--no-swarm", action="store_true", help="engines only, in no Swarm")
    added.add_argument("--images", nargs="*", default=[], choices=sorted(images.RECIPES), metavar="IMAGE")
    added = command(down, "down", "remove a bed with everything in it")
    added.add_argument("--all", action="store_true", help="remove the remains of all runs from this checkout")
    command(status, "status", "show the beds of this checkout")
    command(execute, "exec", "run a command on a node", node=True).add_argument("argv", nargs=argparse.REMAINDER)
    command(kill, "kill", "end all processes of a node, like a power failure", node=True)
    command(start, "start", "start a killed node again, with its data", node=True)
    command(partition, "partition", "cut a node off from the others", node=True)
    command(heal, "heal", "reconnect a node that was cut off", node=True)
    added = command(write_inventory, "inventory", "write an Ansible inventory in which each node is a host")
    added.add_argument("path", type=Path)
    for function, name, summary in (
        (quickstart.demo, "demo", "deploy the guest book to a private Swarm (what `make demo` runs)"),
        (registry_demo.demo, "registry-demo", "deploy examples/registry in phases (what `make registry-demo` runs)"),
        (registry_demo.demo_down, "registry-demo-down", "remove what registry-demo created"),
        (quickstart.demo_down, "demo-down", "remove what demo created"),
    ):
        commands.add_parser(name, help=summary).set_defaults(
            command=lambda _, function=function: function(), program=name
        )
    added = command(image, "image", "put an image into the bed's registry")
    added.add_argument("name", metavar="NAME[:TAG]", help="a recipe's name, or with --from any name")
    added.add_argument("--from", dest="folder", type=Path, help="a folder that becomes the image's content")
    added.add_argument("--base", default="", help="the recipe whose content is under that of the folder")
    added.add_argument("--into", default="", help="the path of the folder's content in the image")
    added.add_argument("--cmd", default="", help="the image's command")
    added.add_argument("--config", default="{}", help="the image's configuration as JSON (Env, User, Cmd, ...)")
    return parser
