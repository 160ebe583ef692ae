"""The rules of validation, one file per subject. A rule reports and never stops the others."""

from collections.abc import Callable

from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report
from lyftnb.planning.rules.bodies import bodies
from lyftnb.planning.rules.channels import channels
from lyftnb.planning.rules.dispatch import dispatch
from lyftnb.planning.rules.frames import frames
from lyftnb.planning.rules.inputs import inputs
from lyftnb.planning.rules.messages import messages
from lyftnb.planning.rules.placeholders import placeholders
from lyftnb.planning.rules.schemas import schemas
from lyftnb.planning.rules.triggers import triggers

Rule = Callable[[Draft, Setting, Report], None]

RULES: tuple[Rule, ...] = (
    bodies, inputs, channels, dispatch, frames, triggers, messages, placeholders, schemas,
)  # fmt: skip
