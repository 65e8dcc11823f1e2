"""Operations that only read: listings, files, searches. `operation` says how an operation runs."""

from __future__ import annotations

from slack_sandbox.offline import phrasing
from slack_sandbox.offline.operation import OperationSteps, Outcome, located, names_in, opened, searched, several
from slack_sandbox.offline.phrasing import code, trouble
from slack_sandbox.offline.tool_catalog import ToolCatalog


def list_folder(catalog: ToolCatalog, where: str = ".") -> OperationSteps:
    result = yield catalog.plan_call({"path": where}, "list_directory", "list_directory_with_sizes")
    if not result.ok:
        return Outcome(trouble(result, f"list {code(where)}"), succeeded=False)
    return Outcome(phrasing.listing(result.text, "The folder" if where == "." else code(where)))


def list_home(catalog: ToolCatalog, name: str) -> OperationSteps:
    """List the folder that everything is in; or one in it that really has the name that was said for it."""
    result = yield catalog.plan_call({"path": "."}, "list_directory", "list_directory_with_sizes")
    if not result.ok:
        return Outcome(trouble(result, f"list {code('.')}"), succeeded=False)
    if name in phrasing.folders(result.text):
        return (yield from list_folder(catalog, name))
    return Outcome(phrasing.listing(result.text, "The folder"))


def tree(catalog: ToolCatalog, where: str = ".") -> OperationSteps:
    result = yield catalog.plan_call({"path": where}, "directory_tree")
    if not result.ok:
        return Outcome(trouble(result, f"read the tree of {code(where)}"), succeeded=False)
    return Outcome(f"{'The folder' if where == '.' else code(where)}:\n{phrasing.tree(result.text)}")


def list_folders(catalog: ToolCatalog) -> OperationSteps:
    result = yield catalog.plan_call({}, "list_allowed_directories")
    if not result.ok:
        return Outcome(trouble(result, "ask for the folders"), succeeded=False)
    return Outcome(phrasing.block(result.text))


def search(catalog: ToolCatalog, name: str, where: str = ".") -> OperationSteps:
    result = yield searched(catalog, name, where)
    if not result.ok:
        return Outcome(trouble(result, f"search for {code(name)}"), succeeded=False)
    found = names_in(result)
    if not found:
        return Outcome(f"I found nothing whose name has {code(name)} in it. I search names, not what is in the files.")
    return Outcome(f"I found {phrasing.count(len(found), 'match').replace('matchs', 'matches')}:\n{several(found)}")


def info(catalog: ToolCatalog, path: str) -> OperationSteps:
    path = yield from located(catalog, path)
    result = yield catalog.plan_call({"path": path}, "get_file_info")
    if not result.ok:
        return Outcome(trouble(result, f"look at {code(path)}"), succeeded=False)
    return Outcome(f"{code(path)}:\n{phrasing.block(result.text)}")


def read_file(catalog: ToolCatalog, path: str) -> OperationSteps:
    path, result = yield from opened(catalog, path)
    if not result.text:
        return Outcome(f"{code(path)} is empty.")
    return Outcome(f"{code(path)}:\n{phrasing.block(result.text)}")
