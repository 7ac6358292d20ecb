package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// ParseURL reads an address of Redis as operators write it:
//
//	redis://[user[:password]@]host[:port][,host[:port]…][/database]
//
// With rediss:// the connection is TLS. Questions behind it, each at most once:
// master=NAME (the hosts are Sentinels), cluster=true, prefix=NAME (of all keys),
// replicas=N (how many must hold an event until it is safe) and ca=FILE (PEM,
// instead of the machine's own authorities). No error of it
// repeats the address: that may hold a password.
func ParseURL(raw string) (Options, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Options{}, errors.New("the address of Redis can't be read: it must look like redis://host:6379; special characters of a password are written as %XX")
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return Options{}, errors.New("the address of Redis begins with redis:// or, with TLS, rediss://")
	}
	if u.Host == "" || u.Fragment != "" {
		return Options{}, errors.New("the address of Redis must look like redis://host:6379")
	}
	var o Options
	o.Username = u.User.Username()
	o.Password, _ = u.User.Password()
	query := u.Query()
	for name, values := range query {
		if len(values) > 1 {
			return Options{}, fmt.Errorf("the address of Redis says %s twice", name)
		}
		switch value := values[0]; name {
		case "master":
			o.Master = value
		case "prefix":
			o.Prefix = value
		case "cluster":
			if o.Cluster, err = strconv.ParseBool(value); err != nil {
				return Options{}, errors.New("the address of Redis: cluster is true or false")
			}
		case "replicas":
			if o.Replicas, err = strconv.Atoi(value); err != nil {
				return Options{}, errors.New("the address of Redis: replicas is a number")
			}
		case "ca":
		default:
			return Options{}, fmt.Errorf("the address of Redis has %q, which is none of master, cluster, prefix, replicas and ca", name)
		}
	}
	port := "6379"
	if o.Master != "" {
		port = "26379" // of a Sentinel
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		if host == "" {
			return Options{}, errors.New("the address of Redis has an empty host")
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		o.Addrs = append(o.Addrs, host)
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return Options{}, errors.New("the address of Redis: its database is a number")
		}
	}
	if u.Scheme == "rediss" {
		if o.TLS, err = tlsWith(query.Get("ca")); err != nil {
			return Options{}, err
		}
	} else if query.Has("ca") {
		return Options{}, errors.New("the address of Redis has ca, but is not rediss://")
	}
	return o, o.validate()
}

func tlsWith(ca string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("the authority of Redis' certificate: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the authority of Redis' certificate: %s holds no certificate", ca)
	}
	return config, nil
}

// String says where the Redis is, without what opens it.
func (o Options) String() string {
	where := strings.Join(o.Addrs, ",")
	switch {
	case o.Cluster:
		where += " (Cluster)"
	case o.Master != "":
		where += " (Sentinel, master " + o.Master + ")"
	case o.DB != 0:
		where += fmt.Sprintf(" (database %d)", o.DB)
	}
	if o.Prefix != "" {
		where += ", prefix " + o.Prefix
	}
	return "Redis at " + where
}
