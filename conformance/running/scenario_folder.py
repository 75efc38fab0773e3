"""A folder of scenarios outside the catalog: `conformance run --scenarios DIR`.

Every module of the folder is loaded once. Its scenarios belong to the profile of
each selected daemon. The module's name is the category.
"""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from conformance.core.scenario import Scenario, ScenarioError, declared_in


def scenarios_in(folder: Path) -> tuple[Scenario, ...]:
    """The scenarios of the folder's modules, by file name, then as written.

    Raises ScenarioError, naming file, line and fix.
    """
    if not folder.is_dir():
        raise ScenarioError(f"{folder}: there is no such folder; name one with scenario modules")
    scenarios = tuple(each for path in sorted(folder.glob("*.py")) for each in _of(path))
    if not scenarios:
        raise ScenarioError(
            f"{folder}: no module here declares a scenario; decorate a function with @scenario"
        )
    return scenarios


def _of(path: Path) -> Iterator[Scenario]:
    yield from declared_in(_imported(path.resolve()))


def _imported(path: Path) -> ModuleType:
    # The parent folder's name keeps two modules of one name apart.
    name = f"conformance_scenarios.{path.parent}.{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ScenarioError) or not isinstance(error, Exception):
            raise
        raise ScenarioError(_explained(path, error)) from error
    return module


def _explained(path: Path, error: Exception) -> str:
    """`file:line: function: what went wrong; fix`, for an error that the module's code raised."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}; correct the syntax"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    if not frames:
        return f"{path}: {type(error).__name__}: {error}; correct the module"
    line = frames[-1].lineno or 1
    where = f"{path}:{line}: {_declared_at(path, line)}"
    return f"{where}{type(error).__name__}: {error}; correct this line"


def _declared_at(path: Path, line: int) -> str:
    """`name: `, of the function whose decorator or body has this line; else nothing."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= line <= (node.end_lineno or first):
                return f"{node.name}: "
    return ""
