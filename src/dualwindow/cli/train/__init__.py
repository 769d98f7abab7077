"""The job behind `dualwindow train`."""
