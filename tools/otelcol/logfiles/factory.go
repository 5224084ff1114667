// Package logfiles reads log files so that each line is handed on once,
// whatever rotation does to the files and whatever stops in between.
//
// Upstream's filelog knows a file by its first 1,000 bytes: of two files that
// begin alike it reads one, and what follows the same banner in a rotated file
// is taken for read. Here a file is known by its inode, the time it was made and
// digests of what was read of it, and has an id of its own that is on disk before
// its first line is handed on. See docs/adr/0007-log-files.md.
package logfiles

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
)

// Type is the receiver's name in a configuration.
var Type = component.MustNewType("logfiles")

// NewFactory makes the receiver known to the collector.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(Type, createDefaultConfig, receiver.WithLogs(createLogs, component.StabilityLevelBeta))
}

func createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	return newReceiver(cfg.(*Config), set, next)
}
