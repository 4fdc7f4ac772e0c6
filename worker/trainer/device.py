"""Prints the name of the device on which this machine's trainers compute."""

import sys

from worker.trainer.machine import device_name, pick_device

if __name__ == "__main__":
    sys.stdout.write(device_name(pick_device(sys.argv[1])))
