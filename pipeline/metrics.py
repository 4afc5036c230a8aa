"""Reads ``metrics.yaml``, the one declaration of every metric."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.declarations import parse_yaml

PREFIX = "freezeline_"
"""What every metric's name begins with in Prometheus."""


class MetricsError(ValueError):
    """The declaration of the metrics is not valid; the message says where and why."""


class Metric(BaseModel):
    """One metric as it is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z_]*[a-z]$")
    """The name in code, without prefix and suffix."""
    type: Literal["counter", "gauge", "histogram"]
    """What kind of figure it is."""
    labels: tuple[str, ...]
    """The labels, in the order in which code gives their values."""
    unit: str = Field(min_length=1)
    """What is counted or measured."""
    help: str = Field(min_length=10)
    """What the figure means, in one sentence."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, rising, in the metric's unit."""

    @field_validator("labels", "buckets", mode="before")
    @classmethod
    def _as_tuple(cls, values: object) -> object:
        return tuple(values) if isinstance(values, list) else values

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.type == "histogram") != bool(self.buckets):
            raise ValueError("a histogram has buckets, and nothing else has")
        if list(self.buckets) != sorted(set(self.buckets)):
            raise ValueError("buckets rise")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels differ from one another")
        if self.name.endswith("_total"):
            raise ValueError("a counter's _total is added in Prometheus, not here")
        return self

    @property
    def exposed_name(self) -> str:
        """The name in Prometheus."""
        return f"{PREFIX}{self.name}" + ("_total" if self.type == "counter" else "")


@cache
def load_metrics() -> Mapping[str, Metric]:
    """Return the declared metrics by name; raises MetricsError when one is not valid."""
    path = Path(__file__).with_name("metrics.yaml")
    return parse_metrics(path.read_text(encoding="utf-8"))


def parse_metrics(text: str) -> Mapping[str, Metric]:
    """Return the metrics that ``text``, as in ``metrics.yaml``, declares, by name.

    Raises MetricsError, which names the metric and what is wrong with it.
    """
    document = parse_yaml(text)
    metrics: dict[str, Metric] = {}
    for name, fields in document["metrics"].items():
        try:
            metrics[name] = Metric(name=name, **fields)
        except (ValidationError, TypeError) as error:
            raise MetricsError(f"metrics.yaml: {name}: {error}") from error
    return MappingProxyType(metrics)
