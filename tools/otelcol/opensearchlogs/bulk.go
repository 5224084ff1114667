package opensearchlogs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

const (
	maxResponseBytes = 64 << 20
	// Only what decides is asked for: a bulk of a thousand answers in a few kilobytes.
	bulkPath = "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason"
)

// errTooLarge says that the store refused the request for its size alone.
var errTooLarge = errors.New("the store refused the request as too large")

// itemError is the store's reason for refusing one document. The reason may
// quote the document, so it is stored beside it and never logged.
type itemError struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

type itemResult struct {
	Status int       `json:"status"`
	Error  itemError `json:"error"`
}

type bulkResponse struct {
	Items []map[string]itemResult `json:"items"`
}

// bulk creates the documents and returns the store's answer for each, in order.
// An error means that nothing is known of any of them and all are to be sent again.
func (s *sink) bulk(ctx context.Context, docs []document) ([]itemResult, error) {
	results, err := s.post(ctx, docs)
	if !errors.Is(err, errTooLarge) || len(docs) < 2 {
		return results, err
	}
	half := len(docs) / 2
	first, err := s.bulk(ctx, docs[:half])
	if err != nil {
		return nil, err
	}
	second, err := s.bulk(ctx, docs[half:])
	if err != nil {
		return nil, err
	}
	return append(first, second...), nil
}

func (s *sink) post(ctx context.Context, docs []document) ([]itemResult, error) {
	var body bytes.Buffer
	for _, doc := range docs {
		action, err := json.Marshal(map[string]any{"create": map[string]string{"_index": doc.index, "_id": doc.id}})
		if err != nil {
			return nil, err
		}
		body.Write(action)
		body.WriteByte('\n')
		body.Write(doc.source)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, &body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if s.config.User != "" {
		request.SetBasicAuth(s.config.User, string(s.config.Password))
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("the store cannot be reached: %w", err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
		_ = response.Body.Close()
	}()
	if response.StatusCode != http.StatusOK {
		return nil, s.refusal(response, len(docs))
	}
	s.authenticated()

	var answer bulkResponse
	if err := json.NewDecoder(io.LimitReader(response.Body, maxResponseBytes)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("the store's answer cannot be read: %w", err)
	}
	if len(answer.Items) != len(docs) {
		return nil, fmt.Errorf("the store answered for %d of %d records", len(answer.Items), len(docs))
	}
	results := make([]itemResult, len(docs))
	for i, item := range answer.Items {
		results[i] = item["create"]
	}
	return results, nil
}

// refusal turns an HTTP status into an error to retry; no status is final.
func (s *sink) refusal(response *http.Response, count int) error {
	err := fmt.Errorf("the store answered HTTP %d to a bulk of %d records", response.StatusCode, count)
	switch response.StatusCode {
	case http.StatusRequestEntityTooLarge:
		return errors.Join(errTooLarge, err)
	case http.StatusUnauthorized, http.StatusForbidden:
		s.unauthenticated(response.StatusCode)
	}
	if seconds, parseErr := strconv.Atoi(response.Header.Get("Retry-After")); parseErr == nil && seconds > 0 {
		return exporterhelper.NewThrottleRetry(err, time.Duration(min(seconds, 300))*time.Second)
	}
	return err
}
