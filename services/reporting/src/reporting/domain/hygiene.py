"""What is untidy: the issues of an entity, and what somebody can do about each."""

from enum import StrEnum


class Issue(StrEnum):
    """What is wrong with an entity."""

    WORK_OVERDUE = "WORK_OVERDUE"
    WORK_UNASSIGNED = "WORK_UNASSIGNED"
    WORK_UNDATED = "WORK_UNDATED"
    DEAL_WITHOUT_OWNER = "DEAL_WITHOUT_OWNER"
    INVOICE_OVERDUE = "INVOICE_OVERDUE"
    INVOICE_UNLOCKED = "INVOICE_UNLOCKED"


class Action(StrEnum):
    """What can be done about it."""

    NUDGE_OWNER = "NUDGE_OWNER"
    CHANGE_DUE_DATE = "CHANGE_DUE_DATE"
    ASSIGN_OWNER = "ASSIGN_OWNER"
    NUDGE_FINANCE = "NUDGE_FINANCE"
    MARK_PAID = "MARK_PAID"
    LOCK_INVOICE = "LOCK_INVOICE"


SUGGESTED: dict[Issue, tuple[Action, ...]] = {
    Issue.WORK_OVERDUE: (Action.NUDGE_OWNER, Action.CHANGE_DUE_DATE),
    Issue.WORK_UNASSIGNED: (Action.ASSIGN_OWNER,),
    Issue.WORK_UNDATED: (Action.CHANGE_DUE_DATE,),
    Issue.DEAL_WITHOUT_OWNER: (Action.ASSIGN_OWNER,),
    Issue.INVOICE_OVERDUE: (Action.NUDGE_FINANCE, Action.MARK_PAID),
    Issue.INVOICE_UNLOCKED: (Action.LOCK_INVOICE,),
}


def suggested_actions(issues: list[Issue]) -> list[Action]:
    """What can be done about all issues of an entity, each once, in the order of the issues."""
    return list(dict.fromkeys(action for issue in issues for action in SUGGESTED[issue]))
