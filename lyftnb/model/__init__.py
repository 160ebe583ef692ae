"""Nouns, frozen: the workflow document, the plan it compiles to, batches, claims and commits.

Pure: no engines, no files, no clock, no randomness. Everything else may import it; it imports
nothing of lyftnb but `errors`.
"""

from lyftnb.model.batch import (
    Advance,
    Claim,
    FileRead,
    Position,
    Publication,
    SegmentRef,
    Split,
    SpoolSpec,
    StagedSegment,
    StepCount,
    TableRef,
    TaskReport,
)
from lyftnb.model.commit import Answer, Commit, Committed, Refused, RunSummary
from lyftnb.model.digest import canonical_json, digest, workflow_digest
from lyftnb.model.names import NAME_PATTERN, Name, is_name, seconds, size_bytes
from lyftnb.model.parameters import JsonSchema, Params, long_schema
from lyftnb.model.plan import DEFAULT_GROUP, Job, JobInput, Plan, PlannedChannel, Stage, Task
from lyftnb.model.problem import Path, Problem, Severity, has_errors, worst_first
from lyftnb.model.schema import NULL, Field, Schema, united, widened
from lyftnb.model.sql_text import quoted, text_literal
from lyftnb.model.trigger import EmitSpec, MessageEdge, TriggerSpec
from lyftnb.model.workflow import (
    ActionSpec,
    ChannelSpec,
    DispatchSpec,
    Frame,
    InputSpec,
    Json,
    NotebookSpec,
    OnError,
    OutputSpec,
    RetrySpec,
    StepSpec,
    StreamIn,
    WorkflowSpec,
)

__all__ = [
    "DEFAULT_GROUP",
    "NAME_PATTERN",
    "NULL",
    "ActionSpec",
    "Advance",
    "Answer",
    "ChannelSpec",
    "Claim",
    "Commit",
    "Committed",
    "DispatchSpec",
    "EmitSpec",
    "Field",
    "FileRead",
    "Frame",
    "InputSpec",
    "Job",
    "JobInput",
    "Json",
    "JsonSchema",
    "MessageEdge",
    "Name",
    "NotebookSpec",
    "OnError",
    "OutputSpec",
    "Params",
    "Path",
    "Plan",
    "PlannedChannel",
    "Position",
    "Problem",
    "Publication",
    "Refused",
    "RetrySpec",
    "RunSummary",
    "Schema",
    "SegmentRef",
    "Severity",
    "Split",
    "SpoolSpec",
    "Stage",
    "StagedSegment",
    "StepCount",
    "StepSpec",
    "StreamIn",
    "TableRef",
    "Task",
    "TaskReport",
    "TriggerSpec",
    "WorkflowSpec",
    "canonical_json",
    "digest",
    "has_errors",
    "is_name",
    "long_schema",
    "quoted",
    "seconds",
    "size_bytes",
    "text_literal",
    "united",
    "widened",
    "workflow_digest",
    "worst_first",
]
