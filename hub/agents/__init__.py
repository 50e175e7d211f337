"""The agents' door: tool calls come in over MCP, bounded answers within the caller's rights go out."""
