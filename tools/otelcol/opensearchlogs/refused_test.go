package opensearchlogs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func today(prefix string) string { return prefix + "-" + time.Now().UTC().Format("2006.01.02") }

// An index that the store or our role does not allow: 1999, the year 1, the year 9999.
func TestARecordWhoseIndexIsNotAllowedIsKeptAtOnceAndBlocksNobody(t *testing.T) {
	for status, kind := range map[int]string{404: "index_not_found_exception", 403: "security_exception"} {
		f := newFixture(t)
		f.store.item = func(index, _ string, _ map[string]any) (int, string) {
			if strings.Contains(index, "-1999") {
				return status, kind
			}
			return 0, ""
		}
		logs := records("a", "bad", "c")
		logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(1).SetTimestamp(
			pcommon.NewTimestampFromTime(time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)))
		if err := f.push(context.Background(), logs); err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		kept := f.store.docs[today("rejected-test")+"/bad"]
		if kept == nil || kept["error.type"] != kind || !strings.Contains(kept["message"].(string), "1999-12-31") {
			t.Errorf("%d: kept is %v", status, kept)
		}
		if f.store.docs["logs-test-2026.03.01/a"] == nil || f.store.docs["logs-test-2026.03.01/c"] == nil {
			t.Errorf("%d: the others are missing", status)
		}
	}
}

func TestARefusedRecordWhoseDayIsGoneIsKeptToday(t *testing.T) {
	f := newFixture(t)
	f.store.item = func(index, id string, _ map[string]any) (int, string) {
		switch {
		case id == "b" && strings.HasPrefix(index, "logs-"):
			return 400, "mapper_parsing_exception"
		case strings.HasPrefix(index, "rejected-test-2026.03"):
			return 404, "index_not_found_exception"
		}
		return 0, ""
	}
	if err := f.push(context.Background(), records("a", "b")); err != nil {
		t.Fatal(err)
	}
	if f.store.docs[today("rejected-test")+"/b"] == nil {
		t.Errorf("got %v", f.store.docs)
	}
}

func TestAStoreThatIsNotSetUpYetLosesNothing(t *testing.T) {
	f := newFixture(t)
	f.store.item = func(string, string, map[string]any) (int, string) { return 403, "security_exception" }
	for range 3 * attempts {
		if err := f.push(context.Background(), records("a", "b")); err == nil || consumererror.IsPermanent(err) {
			t.Fatalf("got %v, want a transient error", err)
		}
	}
	f.store.item = nil
	if err := f.push(context.Background(), records("a", "b")); err != nil || len(f.store.docs) != 2 {
		t.Errorf("got %v and %d documents", err, len(f.store.docs))
	}
}

// The store cannot read a request because of one record, or finds it too large.
func TestOneRecordDoesNotSpoilTheRequestOfOthers(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge} {
		f := newFixture(t)
		f.store.whole = func(body string) int {
			if strings.Contains(body, strings.Repeat("x", 20_000)) {
				return status
			}
			return 0
		}
		var ids []string
		for i := range 200 {
			ids = append(ids, fmt.Sprint("r", i))
		}
		logs := records(ids...)
		for _, i := range []int{3, 77, 199} {
			logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(i).Body().SetStr(strings.Repeat("x", 100_000))
		}
		if err := f.push(context.Background(), logs); err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		if len(f.store.docs) != 200 {
			t.Errorf("%d: %d documents, want 200", status, len(f.store.docs))
		}
		kept := f.store.docs[today("rejected-test")+"/r77"]
		if kept == nil || len(kept["message"].(string)) > 20_000 || !strings.Contains(kept["message"].(string), "bytes more)") {
			t.Errorf("%d: kept is %.200v", status, kept)
		}
	}
}

func TestAServerThatReadsNothingIsNotAskedThousandsOfTimes(t *testing.T) {
	f := newFixture(t)
	f.store.http = func(int) int { return http.StatusBadRequest }
	var ids []string
	for i := range 2000 {
		ids = append(ids, fmt.Sprint("r", i))
	}
	if err := f.push(context.Background(), records(ids...)); err == nil || consumererror.IsPermanent(err) {
		t.Errorf("got %v, want a transient error", err)
	}
	if f.store.requests > 4*maxUnread {
		t.Errorf("%d requests", f.store.requests)
	}
}

func TestARecordThatFailsAgainAndAgainWhileOthersAreTakenIsKept(t *testing.T) {
	f := newFixture(t)
	f.store.item = func(index, id string, _ map[string]any) (int, string) {
		if id == "b" && strings.HasPrefix(index, "logs-") {
			return 500, "null_pointer_exception"
		}
		return 0, ""
	}
	for range attempts - 1 {
		if err := f.push(context.Background(), records("a", "b")); err == nil {
			t.Fatal("it is to be sent again")
		}
	}
	if err := f.push(context.Background(), records("a", "b")); err != nil {
		t.Fatal(err)
	}
	if kept := f.store.docs["rejected-test-2026.03.01/b"]; kept["error.type"] != "null_pointer_exception" {
		t.Errorf("got %v", f.store.docs)
	}
}

func TestWhatPassesIsWaitedForWithoutEnd(t *testing.T) {
	for kind, status := range map[string]int{
		"es_rejected_execution_exception": 429, "unavailable_shards_exception": 503,
		"validation_exception": 400, "cluster_block_exception": 403,
	} {
		f := newFixture(t)
		f.store.item = func(_, id string, _ map[string]any) (int, string) {
			if id == "b" {
				return status, kind
			}
			return 0, ""
		}
		for range 3 * attempts {
			if err := f.push(context.Background(), records("a", "b")); err == nil {
				t.Fatalf("%s: given up", kind)
			}
		}
	}
}

func TestWhatNotEvenTheRejectedIndexTakesIsSaidAndBlocksNobody(t *testing.T) {
	f := newFixture(t)
	f.store.item = func(_, id string, _ map[string]any) (int, string) {
		if id == "b" {
			return 400, "illegal_argument_exception"
		}
		return 0, ""
	}
	if err := f.push(context.Background(), records("a", "b")); err != nil {
		t.Fatal(err)
	}
	said := f.logs.FilterMessageSnippet("a record is lost")
	if said.Len() != 1 {
		t.Fatalf("said %d times", said.Len())
	}
	fields := said.All()[0].ContextMap()
	if text, _ := fields["beginning"].(string); !strings.Contains(text, "line b") || len(text) > loggedBytes+100 {
		t.Errorf("got %v", fields)
	}
}

func TestABeginningIsCutBetweenCharacters(t *testing.T) {
	for _, text := range []string{"", "kurz", strings.Repeat("ü", 50), strings.Repeat("€", 40), strings.Repeat("😀", 30)} {
		got := beginning(text, 50)
		if quoted, _ := json.Marshal(got); strings.Contains(string(quoted), "\ufffd") {
			t.Errorf("%q", got)
		}
		if len(text) <= 50 && got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestReasonsAreFew(t *testing.T) {
	f := newFixture(t)
	for i := range 10 * maxReasons {
		f.counts.rejected.add(context.Background(), 1, fmt.Sprint("reason", i))
	}
	if len(f.counts.rejected.reasons) > maxReasons+1 {
		t.Errorf("%d", len(f.counts.rejected.reasons))
	}
}
