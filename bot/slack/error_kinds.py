"""Classifies the error codes of Slack's Web API: one table for every method that is called. Pure.

Sources: the pages of the methods, docs.slack.dev/reference/methods, section "Errors". `bot.slack.delivery.errors`
derives from this what to do about a message that was to be posted, changed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ErrorKind(StrEnum):
    """Whether repeating a call can help."""

    PERMANENT = "permanent"
    """The same call would fail in the same way."""
    TRANSIENT = "transient"
    """The call may work later. Codes that are not in the table count as this, with a limited number of attempts."""
    OPERATOR = "operator"
    """The call works once somebody has changed a token, a scope or a setting."""


_PERMANENT = """
already_reacted alt_txt_too_large as_user_not_supported attachment_payload_limit_exceeded auth_mismatch bad_timestamp
block_mismatch blocked_file_type bot_not_found bots_not_found cannot_reply_to_message cant_broadcast_message
cant_delete_file cant_delete_message cant_update_message canvas_disabled_file_team canvas_disabled_user_team
canvas_globally_disabled channel_canvas_deleted channel_is_limited_access channel_not_found channel_type_not_supported
channels_limit_exceeded delete_not_allowed draft_already_deleted draft_already_sent draft_has_conflict draft_not_found
duplicate_channel_not_found duplicate_external_id duplicate_message_not_found edit_window_closed enterprise_not_found
exchanged_trigger_id expired_trigger_id file_comment_not_found file_deleted file_is_deleted file_not_found
file_share_limit_reached file_type_not_allowed file_upload_size_restricted hash_conflict insecure_request
invalid_arg_name invalid_arguments invalid_array_arg invalid_attachments invalid_blocks invalid_blocks_format
invalid_channel invalid_charset invalid_chunks invalid_cursor invalid_event_context invalid_form_data invalid_limit
invalid_metadata_filter_keys invalid_metadata_format invalid_metadata_schema invalid_name invalid_post_type
invalid_status invalid_team invalid_thread_ts invalid_trigger_id invalid_ts_latest invalid_ts_oldest invalid_types
invalid_user_combination is_archived is_bot is_inactive limit_required markdown_text_conflict
max_file_sharing_exceeded message_not_found message_not_in_streaming_state message_not_owned_by_app
message_not_owned_by_bot metadata_must_be_sent_from_app metadata_too_large method_not_supported_for_channel_type
missing_args missing_argument missing_file_data missing_post_type missing_profile_id missing_recipient_team_id
missing_recipient_user_id missing_user msg_blocks_too_long msg_blocks_too_many msg_too_long name_taken no_access
no_dual_broadcast_content_update no_item_specified no_reaction no_such_subteam no_text not_enough_users not_found
not_implemented not_in_channel not_reactable not_visible org_not_found pagination_not_available push_limit_reached
reserved_username restricted_action_non_threadable_channel restricted_action_read_only_channel
restricted_action_thread_locked restricted_action_thread_only_channel session_not_found
slack_connect_blocked_file_type snippet_too_large stopped_by_user team_not_found team_not_on_enterprise
template_not_visible thread_locked thread_not_found thread_ts_not_allowed thread_ts_required too_many_attachments
too_many_contact_cards too_many_emoji too_many_members too_many_reactions too_many_users unknown_snippet_type
unknown_subtype user_disabled user_not_found user_not_in_channel user_not_visible users_list_not_supplied
users_not_found view_too_large
"""
_TRANSIENT = """
external_channel_migrating fail_to_get_teams_for_restricted_user fatal_error fetch_members_failed file_update_failed
internal_error list_record_comment_fetch_failed message_limit_exceeded messaging_processing_failed rate_limited
ratelimited request_timeout service_unavailable streaming_state_conflict team_added_to_org
unable_to_share_files update_failed
"""
_NEW_APP_CREDENTIAL = (
    "Create an app-level token (xapp-…) with the scope connections:write, and set SLACK_APP_TOKEN to it"
)
_NEW_CREDENTIAL = "Reinstall the app, and set SLACK_BOT_TOKEN to its bot token (xoxb-…)"
_ADMIN = "An administrator of the workspace has to allow this to the app"
_VERSION = "Slack has withdrawn the method: update the bot"

_OPERATOR: Mapping[str, str] = {
    "access_denied": _ADMIN,
    "accesslimited": f"{_ADMIN}: the network that the bot runs in is not allowed",
    "account_inactive": _NEW_CREDENTIAL,
    "app_access_restricted": _ADMIN,
    "compliance_exports_prevent_deletion": "The workspace's compliance exports forbid deleting messages",
    "deprecated_endpoint": _VERSION,
    "ekm_access_denied": "The administrators of the workspace have suspended access to its encryption keys",
    "enterprise_is_restricted": "Install the app in a workspace: the organisation itself cannot use this method",
    "feature_disabled": "Enable the feature in the app's settings",
    "file_deleting_disabled": _ADMIN,
    "file_uploads_disabled": _ADMIN,
    "file_uploads_except_images_disabled": _ADMIN,
    "forbidden": _ADMIN,
    "forbidden_team": "This workspace cannot use Socket Mode",
    "free_team_not_allowed": "This needs a paid plan of Slack",
    "invalid_auth": f"{_NEW_CREDENTIAL}; the workspace may also restrict the addresses from which the app may call",
    "link_disabled": "Enable Socket Mode in the app's settings",
    "messages_tab_disabled": "Enable the messages tab of the App Home in the app's settings",
    "method_deprecated": _VERSION,
    "missing_scope": "Add the scope to the app (manifest.yml lists them all), and reinstall it",
    "no_permission": _ADMIN,
    "not_agent_app": "Declare the app an agent in its settings",
    "not_allowed_token_type": "Set SLACK_BOT_TOKEN to a bot token (xoxb-…), SLACK_APP_TOKEN to an app-level one",
    "not_authed": _NEW_CREDENTIAL,
    "not_authorized": "Declare the app an agent in its settings",
    "not_enabled": "Enable the Home tab in the app's settings",
    "not_subscribed_to_message_stream_stopped": "Subscribe the app to the event in its settings",
    "org_login_required": "The workspace is being moved into an organisation; it works again once that is done",
    "plan_upgrade_required": "User groups need a paid plan of Slack",
    "posting_to_channel_denied": _ADMIN,
    "restricted_action": f"{_ADMIN}: a preference of the workspace or the channel forbids it",
    "send_on_behalf_not_allowed": _ADMIN,
    "slack_connect_canvas_sharing_blocked": _ADMIN,
    "slack_connect_clip_sharing_blocked": _ADMIN,
    "slack_connect_file_link_sharing_blocked": _ADMIN,
    "slack_connect_file_upload_sharing_blocked": _ADMIN,
    "slack_connect_lists_sharing_blocked": _ADMIN,
    "slack_connect_team_blocked": _ADMIN,
    "socket_mode_not_enabled": "Enable Socket Mode in the app's settings",
    "storage_limit_reached": "The workspace has no room for files left",
    "team_access_not_granted": "Add the workspace to the app's installation in the organisation",
    "token_expired": _NEW_CREDENTIAL,
    "token_revoked": _NEW_CREDENTIAL,
    "two_factor_setup_required": "Set up two-factor authentication for the person who installed the app",
    "unknown_method": _VERSION,
    "user_is_restricted": _ADMIN,
}
"""By code: what an operator has to do."""

TABLE: Mapping[str, ErrorKind] = {
    **dict.fromkeys(_PERMANENT.split(), ErrorKind.PERMANENT),
    **dict.fromkeys(_TRANSIENT.split(), ErrorKind.TRANSIENT),
    **dict.fromkeys(_OPERATOR, ErrorKind.OPERATOR),
}
"""The kind of each code. No code needs another kind for another method."""

TOKEN_CODES = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""Codes after which nothing works with that token."""

CHANNEL_CODES = frozenset({"ekm_access_denied", "posting_to_channel_denied", "restricted_action"})
"""Codes that may apply to one channel only."""

AMBIGUOUS = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Codes after which a part of the call may have taken effect."""


def kind_of(code: str) -> ErrorKind | None:
    """Return the kind of an error code; None if the code is not documented."""
    return TABLE.get(code)


def needs_operator(code: str) -> bool:
    """Return whether somebody has to change a token, a scope or a setting before the call works."""
    return TABLE.get(code) is ErrorKind.OPERATOR


def advice(code: str, method: str = "") -> str:
    """Return what an operator can do about a code; empty if there is nothing to do."""
    if method == "apps.connections.open":
        if code == "access_denied":  # what is given for an app whose Socket Mode is off is not documented
            code = "link_disabled"
        elif code in TOKEN_CODES or code == "missing_scope":
            return _NEW_APP_CREDENTIAL
    return _OPERATOR.get(code, "")
