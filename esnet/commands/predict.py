"""`esnet predict` and `esnet evaluate`: the shared commands, with densities of states that DFT computes if asked."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from common.cli import predict as shared
from common.cli.checks import refuse
from esnet.commands.dft_options import OPTIONS, batch_options
from esnet.spec import SPEC


def predict(arguments: Namespace) -> None:
    if not arguments.dft:
        refuse(arguments, OPTIONS, "is for --dft; leave it out, or name a program with --dft")
    batch = batch_options(arguments) if arguments.dft else None
    arguments.spec = replace(SPEC, batch=batch, accept_others=arguments.accept_other_inputs)
    shared.predict(arguments)


def evaluate(arguments: Namespace) -> None:
    arguments.spec = replace(SPEC, accept_others=arguments.accept_other_inputs)
    shared.evaluate(arguments)
