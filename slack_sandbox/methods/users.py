"""users.info, users.list, usergroups.list, usergroups.users.list (docs.slack.dev/reference/methods/users.info)."""

from slack_sandbox import teams
from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import Args, MethodContext, method, of_team, page
from slack_sandbox.model import Json, Person


def user_body(slack: MethodContext, person: Person) -> Json:
    """The user object (docs.slack.dev/reference/objects/user-object); the e-mail only with users:read.email."""
    profile: Json = {
        "real_name": person.name,
        "real_name_normalized": person.name,
        "display_name": person.display_name,
        "display_name_normalized": person.display_name,
        "title": "",
        "status_text": "",
        "status_emoji": "",
        "team": person.team_id,
        "image_72": "https://example.com/72.png",
    }
    if "users:read.email" in slack.scopes and person.bot_id is None:
        profile["email"] = f"{person.handle}@example.com"
    if person.bot_id is not None:
        profile["bot_id"] = person.bot_id
        profile["api_app_id"] = person.app_id
    body: Json = {"id": person.id, "team_id": person.team_id, "name": person.handle, "deleted": person.deleted}
    body.update(profile=profile, is_bot=person.bot_id is not None, is_app_user=False, updated=0)
    if person.workflow:
        body["is_workflow_bot"] = True
    body.update(teams.user_fields(slack.workspace, person))
    if not person.deleted:
        body.update(real_name=person.name, tz="Europe/Berlin", tz_label="Central European Time", tz_offset=3600)
        body.update(is_admin=person.admin, is_owner=False, is_primary_owner=False, is_restricted=person.guest)
        body["is_ultra_restricted"] = False
    return body


@method("users.info", "users:read", tier=100)
def info(slack: MethodContext, args: Args) -> Json:
    """One user."""
    person = slack.workspace.person(args.required("user", "user_not_found"))
    if person is None:
        raise ApiError("user_not_found")
    return {"user": user_body(slack, person)}


@method("users.list", "users:read", tier=20)
def list_all(slack: MethodContext, args: Args) -> Json:
    """The workspace's users; outsiders of Slack Connect are not among them."""
    team = of_team(slack, args)
    everybody = (slack.workspace.slackbot, *slack.workspace.people.values())
    people = [person for person in everybody if person.team_id == team]
    found, metadata = page(people, args, 1000, 1000)
    members = [user_body(slack, person) for person in found]
    return {"members": members, "cache_ts": int(slack.clock.now()), "response_metadata": metadata}


@method("usergroups.list", "usergroups:read", tier=20)
def usergroups(slack: MethodContext, args: Args) -> Json:
    """The user groups, their members only with include_users."""
    groups: list[Json] = []
    team = of_team(slack, args)
    for group in slack.workspace.usergroups.values():
        if group.get("team", slack.workspace.team_id) != team:
            continue
        body: Json = {"id": group["id"], "team_id": team, "is_usergroup": True, "date_delete": 0}
        body.update(name=group["name"], handle=group["handle"], description="", user_count=len(group["users"]))
        if args.flag("include_users"):
            body["users"] = list(group["users"])
        groups.append(body)
    return {"usergroups": groups}


@method("usergroups.users.list", "usergroups:read", tier=20)
def usergroup_users(slack: MethodContext, args: Args) -> Json:
    """The members of a user group."""
    team = of_team(slack, args)
    group = slack.workspace.usergroups.get(args.required("usergroup", "no_such_subteam"))
    if group is None or group.get("team", slack.workspace.team_id) != team:
        raise ApiError("no_such_subteam")
    return {"users": list(group["users"])}
