//go:build tools

// Package tools keeps the command this folder builds among its requirements.
package tools

import _ "github.com/caddyserver/caddy/v2/cmd/caddy"
