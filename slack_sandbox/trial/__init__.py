"""One trial of the bot (`python -m bot try`): its process, its folder, its team, the scenario that is replayed."""
