package journal

func childPlace() string { return "" }
func runChild(string)    {}
