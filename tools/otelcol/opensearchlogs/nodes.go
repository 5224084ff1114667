package opensearchlogs

import (
	"strings"
	"sync/atomic"
)

// nodes are the URLs of one store's nodes. All requests go to one of them; when
// it fails, the next is asked. What failed is sent again by the retries around.
type nodes struct {
	urls []string
	at   atomic.Uint64
}

func newNodes(config *Config) nodes {
	var urls []string
	for _, endpoint := range append([]string{config.Endpoint}, config.FurtherEndpoints...) {
		urls = append(urls, strings.TrimRight(endpoint, "/")+bulkPath)
	}
	return nodes{urls: urls}
}

// one returns the URL to ask, and what to call when that node fails: of several
// requests that failed there, the first alone goes on to the next.
func (n *nodes) one() (string, func()) {
	at := n.at.Load()
	return n.urls[at%uint64(len(n.urls))], func() { n.at.CompareAndSwap(at, at+1) }
}
