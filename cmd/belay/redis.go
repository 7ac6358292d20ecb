package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"belay/session/store/redis"
)

// redisAt reads the address of Redis, and its password from where nobody else
// sees it: a file, or the environment. shown says that the address was on the
// command line, which every user of the machine can read.
func redisAt(address string, shown bool, passwordFile string, env func(string) string) (*redis.Options, error) {
	if u, err := url.Parse(address); err == nil && shown {
		if _, has := u.User.Password(); has {
			return nil, fmt.Errorf("%w: a password on the command line can be read by everybody on this machine: "+
				"put it into BELAY_REDIS_PASSWORD, or into a file and say -redis-password-file, or the whole address into BELAY_REDIS", errUsage)
		}
	}
	opts, err := redis.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	switch password := env("BELAY_REDIS_PASSWORD"); {
	case passwordFile != "":
		raw, err := os.ReadFile(passwordFile)
		if err != nil {
			return nil, fmt.Errorf("the password of Redis: %w", err)
		}
		opts.Password = strings.TrimRight(string(raw), "\r\n")
	case password != "":
		opts.Password = password
	}
	return &opts, nil
}
