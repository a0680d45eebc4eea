"""What is on without being switched on."""

import dagster as dg


def on_if(setting: object) -> dg.DefaultSensorStatus:
    """To set it is to start it: nothing that costs money begins unasked."""
    return dg.DefaultSensorStatus.RUNNING if setting else dg.DefaultSensorStatus.STOPPED
