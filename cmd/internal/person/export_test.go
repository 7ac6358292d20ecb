package person

// NewAPI gives the benchmark's bare peers the same pion that people have.
var NewAPI = newAPI
