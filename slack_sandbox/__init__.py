"""A strict Slack on this computer, and a model server, to try a Bolt app against: by hand, or in tests.

`slack_sandbox.slack.SlackSandbox` is Slack: Web API, Socket Mode, files, and the people who use them. It keeps the
state of one workspace in memory, checks what the app sends as strictly as Slack does, and delivers what Slack would
deliver. Its rules come from docs.slack.dev (the reference pages of the Web API methods, Block Kit and Socket Mode)
and from the source of slack_sdk 3.47; where Slack documents no number or name the docstring says that one was chosen.
"""
