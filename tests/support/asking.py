"""Requests that schemathesis makes of an operation, as its description allows them or not."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation

Operation = APIOperation[Any, Any, Any, Any]


def takes_input(operation: Operation) -> bool:
    """Whether there is anything in its description that a call could get wrong: any text may
    stand in a path."""
    asked = [one for one in operation.iter_parameters() if one.location == "query"]
    return bool(operation.body or asked)


def ask_everything(
    operation: Operation, base_url: str, headers: dict[str, str], mode: GenerationMode
) -> None:
    """No 5xx but a documented 503, problem documents, and answers as the description says."""

    @settings(
        max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=base_url, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, answer.content
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
        if answer.status_code == 200:
            case.operation.validate_response(answer)

    ask()
