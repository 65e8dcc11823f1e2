"""A model without a model: a small grammar in plain English, for a bot that is tried without an account.

offline = OfflineModel(pace=0.02)
async with ModelSandbox(models=(MODEL,)) as model:
    model.respond = offline.respond
"""

from slack_sandbox.offline.replies import MODEL, OfflineModel

__all__ = ["MODEL", "OfflineModel"]
