package scrub

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
)

// benchRecords is a batch as the pipeline sees it: nine in ten lines hold ids,
// times and counts and nothing to blot out, one holds a card number.
func benchRecords() plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range 100 {
		record := records.AppendEmpty()
		record.Body().SetStr("order accepted after 3 tries, total 1299 cents, took 12.5 ms at 2026-11-25T11:27:15.696Z")
		attributes := record.Attributes()
		attributes.PutStr("log_level", "info")
		attributes.PutStr("service", "orders")
		attributes.PutStr("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")
		attributes.PutStr("span_id", "00f067aa0ba902b7")
		attributes.PutStr("transaction_id", "47223179-9330-4259-b66c-f2db26efb20c")
		attributes.PutStr("logger", "shop.orders.accept")
		attributes.PutInt("http_status", 201)
		attributes.PutInt("order_id", 1178291287366377482)
		attributes.PutDouble("duration_ms", 12.5)
		attributes.PutStr("path", `C:\shop\orders?next=%2Fcart%20items`)
		if i%10 == 0 {
			attributes.PutStr("exception", strings.Repeat("  at shop.Orders.accept(Orders.java:212)\n", 20)+"declined 4111 1111 1111 1111")
		}
	}
	return logs
}

func BenchmarkLogs(b *testing.B) {
	s := benchScrubber()
	source := benchRecords()
	b.ReportAllocs()
	for b.Loop() {
		logs := plog.NewLogs()
		source.CopyTo(logs)
		if _, err := s.logs(context.Background(), logs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*source.LogRecordCount())/b.Elapsed().Seconds(), "records/s")
}
