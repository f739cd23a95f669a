"""Every difference in the table is there, and the table is the one that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.differential import error_probes, option_probes, probes
from tests.compat.differential.compare import differences_between
from tests.compat.differential.differences import CORRECTED, DIFFERENCES, PROBED, table
from tests.compat.differential.play import play
from tests.support.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compat.differential.rows import Difference, Probed
    from tests.compat.interop.original import Original

PROBES = (probes, option_probes, error_probes)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_each_correction_is_needed_and_sufficient(theirs: Original, difference: Difference) -> None:
    others = [name for name in CORRECTED if name != difference.name]
    ours = play(difference.scenario)
    without = theirs.call(play, {**difference.scenario, "corrections": others})
    corrected = theirs.call(play, {**difference.scenario, "corrections": CORRECTED})
    assert differences_between(without, ours), "the difference is no more"
    assert not differences_between(corrected, ours)


@pytest.mark.parametrize("difference", PROBED, ids=lambda difference: difference.name)
def test_a_probe_finds_what_the_table_says(theirs: Original, difference: Probed, tmp_path: Path) -> None:
    (probe,) = (vars(module)[difference.probe] for module in PROBES if difference.probe in vars(module))
    arguments = [
        argument.replace("{tmp}", str(tmp_path)) if isinstance(argument, str) else argument
        for argument in difference.arguments
    ]
    assert (theirs.call(probe, *arguments), probe(*arguments)) == difference.finds


def test_the_documentation_has_the_table() -> None:
    document = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert table() in document, "write it by `python -m tests.compat.differential.differences`"
