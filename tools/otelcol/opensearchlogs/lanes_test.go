package opensearchlogs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
)

// written are records of a source of files.
func written(source string, from, to int) plog.Logs {
	ids := make([]string, 0, to-from)
	for number := from; number < to; number++ {
		ids = append(ids, fmt.Sprintf("%s-%d", source, number))
	}
	logs := records(ids...)
	logs.ResourceLogs().At(0).Resource().Attributes().PutStr("log.source", source)
	return logs
}

func started(t *testing.T, f *fixture) exporter.Logs {
	t.Helper()
	made, err := createLogs(context.Background(), f.set, f.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Shutdown(context.Background()) })
	return made
}

func consume(t *testing.T, made exporter.Logs, logs plog.Logs) {
	t.Helper()
	if err := made.ConsumeLogs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
}

func TestAFloodOfOneSourceDoesNotHoldUpAnother(t *testing.T) {
	f := newFixture(t)
	const batches, size = 60, 1000
	gate := make(chan struct{})
	f.store.http = func(int) int {
		f.store.mu.Unlock()
		<-gate
		f.store.mu.Lock()
		return 0
	}
	made := started(t, f)
	for batch := range batches {
		consume(t, made, written("flood", batch*size, (batch+1)*size))
	}
	consume(t, made, written("few", 0, 1))
	ahead := func() (count int, there bool) {
		f.store.mu.Lock()
		defer f.store.mu.Unlock()
		return len(f.store.docs), f.store.docs["logs-test-2026.03.01/few-0"] != nil
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		count, there := ahead()
		if there {
			if count > batches*size/2 {
				t.Fatalf("%d of %d records of the flood were stored before the other source's one", count, batches*size)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the other source's record was not stored")
		}
		select {
		case gate <- struct{}{}:
		case <-time.After(time.Millisecond):
		}
	}
	close(gate)
	for f.stored() < batches*size+1 {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d records are stored", f.stored(), batches*size+1)
		}
		time.Sleep(time.Millisecond)
	}
}

// twoLanes are lanes of which the test sees what goes where.
func twoLanes(t *testing.T, f *fixture, push func(context.Context, plog.Logs) error) (*lanes, *[]string) {
	t.Helper()
	var went []string
	f.config.Queue.Sizer, f.config.Queue.QueueSize = exporterhelper.RequestSizerTypeBytes, 64<<20
	made, err := newLanes(f.config, f.set, push, func(set exporter.Settings, _ *Config, _ consumer.ConsumeLogsFunc) (exporter.Logs, error) {
		name := "backlog"
		if strings.HasSuffix(set.ID.String(), "prompt") {
			name = "prompt"
		}
		return &noted{name: name, to: &went}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return made, &went
}

type noted struct {
	exporter.Logs
	name string
	to   *[]string
	err  error
}

func (n *noted) ConsumeLogs(context.Context, plog.Logs) error {
	*n.to = append(*n.to, n.name)
	return n.err
}

func TestASourceGoesPromptlyAgainWhenItsRecordsAreStored(t *testing.T) {
	f := newFixture(t)
	var answer error
	made, went := twoLanes(t, f, func(context.Context, plog.Logs) error { return answer })
	push := made.counted(func(context.Context, plog.Logs) error { return answer })
	consume(t, made, written("a", 0, 900))
	consume(t, made, written("a", 900, 1100)) // beyond its share
	answer = consumererror.NewLogs(errors.New("not now"), written("a", 0, 850))
	_ = push(context.Background(), written("a", 0, 900))
	consume(t, made, written("a", 1100, 1300)) // 850 are still on their way
	answer = nil
	_ = push(context.Background(), written("a", 0, 850))
	consume(t, made, written("a", 1300, 2300))
	if got := strings.Join(*went, " "); got != "prompt backlog backlog prompt" {
		t.Errorf("got %q", got)
	}
}

func TestNoShareIsTakenByWhatTheQueueRefuses(t *testing.T) {
	f := newFixture(t)
	made, _ := twoLanes(t, f, func(context.Context, plog.Logs) error { return nil })
	made.prompt.(*noted).err = errors.New("no space left on device")
	for range 3 {
		if made.ConsumeLogs(context.Background(), written("a", 0, 900)) == nil {
			t.Error("the error of the queue is not passed on")
		}
	}
	if len(made.onWay) != 0 || made.whole != 0 {
		t.Errorf("got %v", made.onWay)
	}
}

func TestLargeRecordsTakeMoreOfAShare(t *testing.T) {
	f := newFixture(t)
	made, went := twoLanes(t, f, func(context.Context, plog.Logs) error { return nil })
	logs := written("a", 0, 2)
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr(strings.Repeat("x", 1<<20))
	consume(t, made, logs)
	if got := strings.Join(*went, " "); got != "backlog" {
		t.Errorf("got %q", got)
	}
}

func TestRecordsOfAnEarlierProcessAreNotCountedTwice(t *testing.T) {
	f := newFixture(t)
	made, _ := twoLanes(t, f, func(context.Context, plog.Logs) error { return nil })
	consume(t, made, written("a", 0, 10))
	made.arrived(unitsOf(written("a", 0, 500)))
	if len(made.onWay) != 0 || made.whole != 0 {
		t.Errorf("got %v and %d", made.onWay, made.whole)
	}
}

func TestRequestsToASlowStoreAreShort(t *testing.T) {
	var p pace
	p.took(2000, 3*time.Second)
	p.took(1000, 2*time.Second)
	if p.limit() != 500 {
		t.Errorf("got %d", p.limit())
	}
	for range 10 {
		p.took(p.limit(), 5*time.Second)
	}
	if p.limit() != leastRecords {
		t.Errorf("got %d", p.limit())
	}
	p.took(3, time.Millisecond)
	if p.limit() != leastRecords {
		t.Error("a small request says nothing about larger ones")
	}
	for range 20 {
		p.took(p.limit(), time.Millisecond)
	}
	if p.limit() < 2000 {
		t.Errorf("got %d", p.limit())
	}
}

func TestWhatAShortRequestDidNotReachIsSentAgain(t *testing.T) {
	f := newFixture(t)
	f.pace.records = 2
	f.store.http = func(request int) int {
		if request == 2 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	var left consumererror.Logs
	if err := f.push(context.Background(), records("a", "b", "c", "d", "e")); !errors.As(err, &left) || uids(left.Data()) != "c d e" {
		t.Fatalf("got %v", err)
	}
}
