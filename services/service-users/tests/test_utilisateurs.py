"""UtilisateurService over gRPC: accounts, who sees them, and what becomes of them."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
import pytest
from conftest import PASSWORD, Someone, new_email, new_subject
