// The story of this project with go-zookeeper. Usage: story host:port,host:port,...  Its last line is `story: done`.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

const timeout = 20 * time.Second

type silent struct{}

func (silent) Printf(string, ...interface{}) {}

var hosts []string

// client connects to one member only, so that what one client writes another sees through the ensemble.
func client(index int) *zk.Conn {
	conn, events, err := zk.Connect(hosts[index%len(hosts):index%len(hosts)+1], 10*time.Second, zk.WithLogger(silent{}))
	must(err)
	deadline := time.After(timeout)
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				return conn
			}
		case <-deadline:
			log.Fatalf("no session with %s within %s", hosts[index%len(hosts)], timeout)
		}
	}
}

func must(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

func refused(err, with error) {
	if !errors.Is(err, with) {
		log.Output(2, fmt.Sprintf("refused with %v, expected %v", err, with))
		os.Exit(1)
	}
}

func check(ok bool, format string, args ...interface{}) {
	if !ok {
		log.Output(2, fmt.Sprintf(format, args...))
		os.Exit(1)
	}
}

func next(events <-chan zk.Event, expected zk.EventType) {
	select {
	case event := <-events:
		check(event.Type == expected, "event %v, expected %v", event, expected)
	case <-time.After(timeout):
		log.Fatalf("no %v within %s", expected, timeout)
	}
}

func versionsAndACL() {
	owner, stranger := client(0), client(1)
	defer owner.Close()
	defer stranger.Close()
	const path = "/go-orders"
	must(owner.AddAuth("digest", []byte("owner:secret")))
	created, err := owner.Create(path, []byte("one"), 0, zk.AuthACL(zk.PermAll))
	must(err)
	check(created == path, "created %q", created)
	data, stat, err := owner.Get(path)
	must(err)
	check(bytes.Equal(data, []byte("one")) && stat.Version == 0 && stat.DataLength == 3, "%q %+v", data, stat)
	_, err = stranger.Sync(path)
	must(err)
	_, _, err = stranger.Get(path)
	refused(err, zk.ErrNoAuth)
	stat, err = owner.Set(path, []byte("two"), 0)
	must(err)
	check(stat.Version == 1, "%+v", stat)
	_, err = owner.Set(path, []byte("three"), 0)
	refused(err, zk.ErrBadVersion)
	refused(owner.Delete(path, 0), zk.ErrBadVersion)
	must(owner.Delete(path, 1))
	_, _, err = owner.Get(path)
	refused(err, zk.ErrNoNode)
	fmt.Println("created with an ACL, read, set with its version, refused with a stale one, deleted")
}

func registration() {
	watcher, service := client(0), client(1)
	defer watcher.Close()
	const path = "/go-services"
	_, err := watcher.Create(path, nil, 0, zk.WorldACL(zk.PermAll))
	must(err)
	_, err = service.Sync(path)
	must(err)
	children, _, events, err := watcher.ChildrenW(path)
	must(err)
	check(len(children) == 0, "children %v", children)
	name, err := service.Create(path+"/instance-", []byte("10.0.0.7:8080"), zk.FlagEphemeral|zk.FlagSequence, zk.WorldACL(zk.PermAll))
	must(err)
	next(events, zk.EventNodeChildrenChanged)
	children, _, events, err = watcher.ChildrenW(path)
	must(err)
	check(len(children) == 1 && path+"/"+children[0] == name, "children %v, created %s", children, name)
	service.Close()
	next(events, zk.EventNodeChildrenChanged)
	children, _, err = watcher.Children(path)
	must(err)
	check(len(children) == 0, "children %v", children)
	fmt.Println("a watcher learned that a registration came and went")
}

func configuration() {
	const path = "/go-config"
	writer := client(0)
	defer writer.Close()
	_, err := writer.Create(path, []byte("value-0"), 0, zk.WorldACL(zk.PermAll))
	must(err)
	readers := []*zk.Conn{client(0), client(1), client(2)}
	for version := int32(1); version <= 3; version++ {
		var watches []<-chan zk.Event
		for _, reader := range readers {
			_, err := reader.Sync(path)
			must(err)
			_, stat, events, err := reader.GetW(path)
			must(err)
			check(stat.Version == version-1, "%+v before version %d", stat, version)
			watches = append(watches, events)
		}
		value := []byte(fmt.Sprintf("value-%d", version))
		_, err := writer.Set(path, value, -1)
		must(err)
		for index, events := range watches {
			next(events, zk.EventNodeDataChanged)
			data, stat, err := readers[index].Get(path)
			must(err)
			check(bytes.Equal(data, value) && stat.Version == version, "%q %+v", data, stat)
		}
	}
	for _, reader := range readers {
		reader.Close()
	}
	fmt.Println("every watcher saw each new version of a configuration value")
}

func main() {
	log.SetFlags(log.Lshortfile)
	hosts = strings.Split(os.Args[1], ",")
	versionsAndACL()
	registration()
	configuration()
	fmt.Println("story: done")
}
