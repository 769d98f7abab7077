"""The machine: files, memory, cores, threads, processes, devices and ranks."""
