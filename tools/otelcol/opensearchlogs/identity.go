package opensearchlogs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxIDBytes is the longest _id that OpenSearch takes.
const maxIDBytes = 512

// identified gives an id to records that come without one, before they are
// queued: the queue then holds the id, and a retry after a restart reuses it.
type identified struct {
	exporter.Logs
	start     component.StartFunc
	attribute string
}

func (i *identified) Start(ctx context.Context, host component.Host) error {
	if err := i.start(ctx, host); err != nil {
		return err
	}
	return i.Logs.Start(ctx, host)
}

func (i *identified) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				if recordID(record, i.attribute) == "" {
					record.Attributes().PutStr(i.attribute, rand.Text())
				}
			}
		}
	}
	return i.Logs.ConsumeLogs(ctx, logs)
}

// recordID is what identifies a record in the store, or "" where it has nothing.
func recordID(record plog.LogRecord, attribute string) string {
	value, ok := record.Attributes().Get(attribute)
	if !ok || value.Type() == pcommon.ValueTypeEmpty {
		return ""
	}
	id := value.AsString()
	if len(id) > maxIDBytes {
		sum := sha256.Sum256([]byte(id))
		return hex.EncodeToString(sum[:])
	}
	return id
}
