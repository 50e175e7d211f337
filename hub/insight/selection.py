"""Which tags and which executed intervals of a context a question means."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hub.resolve.context import Context, Reached
from hub.store.answers.tag_kinds import TagKind


def names_of(kind: TagKind) -> tuple[str | None, ...]:
    """Give what a question may call a tag: its code, its uid, or the property that it measures."""
    return kind.code, kind.uid, kind.property


def choose_kinds(context: Context, names: Collection[str]) -> Context:
    """Keep only the tags of these names; all when there are none."""
    if not names:
        return context
    wanted = set(names)
    kinds = {i: kind for i, kind in context.kinds.items() if wanted & set(names_of(kind))}
    return replace(context, kinds=kinds)


def choose_executed(
    context: Context, *, names: Collection[str] = (), level: str | None = None
) -> Mapping[int, Sequence[Reached]]:
    """Give the intervals of these names and this level by equipment; all that are not given mean any."""
    return {
        place: [
            one
            for one in reached
            if (not names or one.executed.name in names) and (level is None or one.executed.level == level)
        ]
        for place, reached in context.reached.items()
    }
