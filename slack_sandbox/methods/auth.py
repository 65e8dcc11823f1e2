"""auth.test, api.test, apps.connections.open, team.info, bots.info."""

from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import Args, MethodContext, method, page
from slack_sandbox.model import Json


@method("api.test", tier=1000, caller="any")
def api_test(slack: MethodContext, args: Args) -> Json:
    """Echo the arguments; `error` makes it fail with that code."""
    if args.has("error"):
        raise ApiError(args.text("error"))
    return {"args": args.values}


@method("auth.test", tier=1000, caller="any")
def auth_test(slack: MethodContext, args: Args) -> Json:
    """Who the bot token belongs to."""
    workspace, organization = slack.workspace, slack.workspace.organization
    body: Json = {
        "url": f"https://{workspace.team_domain}.slack.com/",
        "team": workspace.team_name,
        "user": workspace.bot.handle,
        "team_id": workspace.team_id,
        "user_id": workspace.bot.id,
        "bot_id": workspace.bot.bot_id,
        "is_enterprise_install": False,
    }
    if organization is not None:
        body["enterprise_id"] = organization.id
        if organization.org_wide_install:
            named = organization.team_in_auth_test
            body.update(team=organization.name if named else None, team_id=organization.id if named else None)
            body["is_enterprise_install"] = True
    return body


@method("auth.teams.list", tier=20)
def auth_teams_list(slack: MethodContext, args: Args) -> Json:
    """The workspaces in which the app is installed (docs.slack.dev/reference/methods/auth.teams.list)."""
    workspace, organization = slack.workspace, slack.workspace.organization
    names = {workspace.team_id: workspace.team_name}
    if organization is not None and organization.org_wide_install:
        names = organization.teams
    found, metadata = page([{"id": team, "name": name} for team, name in names.items()], args, 100, 1000)
    return {"teams": found, "response_metadata": metadata}


@method("apps.connections.open", tier=100, caller="app")
def connections_open(slack: MethodContext, args: Args) -> Json:
    """A WebSocket URL with a one-use ticket."""
    if slack.hub.link_disabled:
        # Slack does not document the code for an app whose Socket Mode was switched off; this one was chosen.
        raise ApiError("access_denied")
    origin = slack.origin.replace("http://", "ws://")
    return {"url": f"{origin}/link/?ticket={slack.hub.ticket()}&app_id={slack.workspace.app_id}"}


@method("team.info", "team:read", tier=50)
def team_info(slack: MethodContext, args: Args) -> Json:
    """The workspace."""
    workspace = slack.workspace
    team = {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.team_domain}
    return {"team": {**team, "email_domain": "", "icon": {"image_default": True}}}


@method("bots.info", "users:read", tier=50)
def bots_info(slack: MethodContext, args: Args) -> Json:
    """A bot by its B… id."""
    bot = slack.workspace.bots.get(args.required("bot", "bot_not_found"))
    if bot is None:
        raise ApiError("bot_not_found")
    body = {"id": bot.bot_id, "deleted": bot.deleted, "name": bot.name, "updated": 0, "app_id": bot.app_id}
    return {"bot": {**body, "user_id": bot.id, "icons": {}}}
