"""What a device's Secret says in an installation with TLS."""

from rack_operator.desired.devices import Device, DeviceEndpoints, secret_data
from rack_operator.desired.rotation import Login
from racktwin.device_credentials import Credentials

DEVICE = Device("lab", "rack", "a")


def data(**more):
    endpoints = DeviceEndpoints("mqtt.example", 8883, "https://http.example", **more)
    return secret_data(DEVICE, Login("secret"), endpoints)


def test_it_names_the_authority_and_the_doctor_reads_it():
    found = Credentials.of("s", data(mqtt_tls=True, authority="PEM"))
    assert (found.tls, found.authority) == (True, "PEM")


def test_without_tls_nothing_is_added():
    assert not {"tls", "ca.crt"} & data().keys()
    assert not Credentials.of("s", data()).tls
