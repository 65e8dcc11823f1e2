"""What only looks: listings, files, searches. How a `Doing` works is said in `finding`."""

from __future__ import annotations

from slack_sandbox.offline import phrasing
from slack_sandbox.offline.operation import Doing, Done, located, names_in, opened, searched, several
from slack_sandbox.offline.phrasing import code, trouble
from slack_sandbox.offline.tool_catalog import Kit


def list_folder(kit: Kit, where: str = ".") -> Doing:
    result = yield kit.want({"path": where}, "list_directory", "list_directory_with_sizes")
    if not result.ok:
        return Done(trouble(result, f"list {code(where)}"), well=False)
    return Done(phrasing.listing(result.text, "The folder" if where == "." else code(where)))


def list_home(kit: Kit, name: str) -> Doing:
    """List the folder that everything is in; or one in it that really has the name that was said for it."""
    result = yield kit.want({"path": "."}, "list_directory", "list_directory_with_sizes")
    if not result.ok:
        return Done(trouble(result, f"list {code('.')}"), well=False)
    if name in phrasing.folders(result.text):
        return (yield from list_folder(kit, name))
    return Done(phrasing.listing(result.text, "The folder"))


def tree(kit: Kit, where: str = ".") -> Doing:
    result = yield kit.want({"path": where}, "directory_tree")
    if not result.ok:
        return Done(trouble(result, f"read the tree of {code(where)}"), well=False)
    return Done(f"{'The folder' if where == '.' else code(where)}:\n{phrasing.tree(result.text)}")


def list_folders(kit: Kit) -> Doing:
    result = yield kit.want({}, "list_allowed_directories")
    if not result.ok:
        return Done(trouble(result, "ask for the folders"), well=False)
    return Done(phrasing.block(result.text))


def search(kit: Kit, name: str, where: str = ".") -> Doing:
    result = yield searched(kit, name, where)
    if not result.ok:
        return Done(trouble(result, f"search for {code(name)}"), well=False)
    found = names_in(result)
    if not found:
        return Done(f"I found nothing whose name has {code(name)} in it. I search names, not what is in the files.")
    return Done(f"I found {phrasing.count(len(found), 'match').replace('matchs', 'matches')}:\n{several(found)}")


def info(kit: Kit, path: str) -> Doing:
    path = yield from located(kit, path)
    result = yield kit.want({"path": path}, "get_file_info")
    if not result.ok:
        return Done(trouble(result, f"look at {code(path)}"), well=False)
    return Done(f"{code(path)}:\n{phrasing.block(result.text)}")


def read_file(kit: Kit, path: str) -> Doing:
    path, result = yield from opened(kit, path)
    if not result.text:
        return Done(f"{code(path)} is empty.")
    return Done(f"{code(path)}:\n{phrasing.block(result.text)}")
