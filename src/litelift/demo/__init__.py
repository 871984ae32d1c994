"""The demo: a school system's database like the one that litelift was first made for, every name in it made up."""

from __future__ import annotations

from litelift.demo.blemishes import BLEMISHES, Blemish
from litelift.demo.catalogue import COUNTS
from litelift.demo.make import DemoDatabase, make_demo
from litelift.demo.plan import DEMO_PLAN, write_demo_plan

__all__ = ["BLEMISHES", "COUNTS", "DEMO_PLAN", "Blemish", "DemoDatabase", "make_demo", "write_demo_plan"]
