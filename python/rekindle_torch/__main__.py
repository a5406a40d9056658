"""python -m rekindle_torch script.py arguments: runs an unchanged script without MIOpen."""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Optional

from .convolution.blocks import set_workspace_limit
from .patch import patched
from .report import Report, reporting


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rekindle_torch",
        description="Runs a Python script with PyTorch's convolutions, batch normalisation and "
        "recurrent layers computed without MIOpen.",
        epilog="examples: python -m rekindle_torch train.py --epochs 3; "
        "python -m rekindle_torch --report -m package.module",
    )
    parser.add_argument("--report", action="store_true", help="then list what ran, on stderr")
    parser.add_argument("--report-json", metavar="FILE", help="then write what ran to a file")
    parser.add_argument("--workspace", type=int, metavar="MB", help="per convolution (default 256)")
    parser.add_argument("-m", dest="is_module", action="store_true", help="run a module by name")
    parser.add_argument("script", help="the script, or the module's name after -m")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script is given")
    return parser


def main(arguments: Optional[list[str]] = None) -> int:
    """Runs a script; its exit status, or 2 where it cannot be started."""
    options = _parser().parse_args(arguments)
    script = options.script
    if not options.is_module and not Path(script).exists():
        print(f"{script} is not there: name a Python script, or -m and a module", file=sys.stderr)
        return 2
    if options.workspace is not None:
        if options.workspace <= 0:
            print(f"--workspace must be positive, and is {options.workspace}", file=sys.stderr)
            return 2
        set_workspace_limit(options.workspace * 2**20)
    sys.argv = [script, *options.arguments]
    report: Optional[Report] = None
    try:
        with ExitStack() as stack:
            stack.enter_context(patched())
            if options.report or options.report_json:
                report = stack.enter_context(reporting())
            if options.is_module:
                runpy.run_module(script, run_name="__main__", alter_sys=True)
            else:
                sys.path[0] = str(Path(script).resolve().parent)
                runpy.run_path(script, run_name="__main__")
    finally:
        if report is not None:
            _write(report, options.report, options.report_json)
    return 0


def _write(report: Report, is_shown: bool, file: Optional[str]) -> None:
    if is_shown:
        print(report, file=sys.stderr)
    if file:
        Path(file).write_text(json.dumps(report.rows(), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
