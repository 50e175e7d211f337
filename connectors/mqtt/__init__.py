"""MQTT: JSON messages under declared topics come in; tags with live samples, and records, go out."""

from connectors.mqtt.connector import Mqtt
from connectors.mqtt.settings import MqttConfig

__all__ = ["Mqtt", "MqttConfig"]
