"""views.open, views.push, views.update, views.publish (docs.slack.dev/reference/methods/views.open)."""

from slack_sandbox import validation
from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import Args, MethodContext, method, need_embedding
from slack_sandbox.model import Json, Trigger, View

TRIGGER_LIFETIME = 3.0


def _spend(slack: MethodContext, args: Args) -> Trigger:
    """Use up the trigger_id: three seconds, once."""
    trigger = slack.workspace.triggers.get(args.required("trigger_id"))
    if trigger is None:
        raise ApiError("invalid_arguments", ["invalid `trigger_id`"])
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    if slack.clock.now() - trigger.issued > TRIGGER_LIFETIME:
        raise ApiError("expired_trigger_id")
    trigger.used = True
    return trigger


def _given(slack: MethodContext, args: Args, kind: str, replacing: View | None = None) -> Json:
    given = validation.view(args.structure("view", "invalid_arguments"), slack.new_id)
    need_embedding(slack, given["blocks"])
    if given["type"] != kind:
        raise ApiError("invalid_arguments", [f"must be of type {kind} [json-pointer:/view/type]"])
    external = given.get("external_id")
    others = (view for view in slack.workspace.views.values() if view.open and view is not replacing)
    if external and any(view.data["external_id"] == external for view in others):
        raise ApiError("duplicate_external_id")
    return given


@method("views.open", tier=100)
def open_view(slack: MethodContext, args: Args) -> Json:
    """Open a modal for the person who made the trigger."""
    given = _given(slack, args, "modal")
    trigger = _spend(slack, args)
    for old in list(slack.workspace.modals.get(trigger.person, ())):
        old.open = False
    slack.workspace.modals[trigger.person] = []
    return {"view": slack.workspace.push_view(trigger.person, given).data}


@method("views.push", tier=100)
def push(slack: MethodContext, args: Args) -> Json:
    """Put a modal on top of the one that the trigger came from."""
    given = _given(slack, args, "modal")
    trigger = _spend(slack, args)
    if trigger.view is None:
        raise ApiError("invalid_arguments", ["trigger_id must come from a modal"])
    return {"view": slack.workspace.push_view(trigger.person, given).data}


@method("views.update", tier=100)
def update(slack: MethodContext, args: Args) -> Json:
    """Replace the content of a view; `hash` guards against a race."""
    view = _find(slack, args)
    given = validation.view(args.structure("view", "invalid_arguments"), slack.new_id)
    need_embedding(slack, given["blocks"])
    if given["type"] != view.data["type"]:
        raise ApiError("invalid_arguments", ["must match the `type` of the view [json-pointer:/view/type]"])
    if args.has("hash") and args.text("hash") != view.data["hash"]:
        raise ApiError("hash_conflict")
    slack.workspace.replace_view(view, given)
    return {"view": view.data}


def _find(slack: MethodContext, args: Args) -> View:
    if args.has("external_id"):
        wanted = args.text("external_id")
        found = next((v for v in slack.workspace.views.values() if v.open and v.data["external_id"] == wanted), None)
    else:
        found = slack.workspace.views.get(args.required("view_id"))
    if found is None or not found.open:
        raise ApiError("not_found")
    return found


@method("views.publish", tier=100)
def publish(slack: MethodContext, args: Args) -> Json:
    """Publish the Home tab of a person."""
    user = args.required("user_id")
    if user not in slack.workspace.people:
        raise ApiError("invalid_arguments", ["invalid `user_id` [json-pointer:/user_id]"])
    old = slack.workspace.homes.get(user)
    if old is not None and args.has("hash") and args.text("hash") != old.data["hash"]:
        raise ApiError("hash_conflict")
    given = _given(slack, args, "home", replacing=old)
    if old is not None:
        old.open = False
    view = slack.workspace.homes[user] = slack.workspace.new_view(user, given)
    return {"view": view.data}
