//go:build tools

// Package tools keeps the command this folder builds among its requirements.
package tools

import _ "go.etcd.io/etcd/server/v3"
