"""PI WEB API: points, assets and event frames come in; tags, samples, equipment and runs go out."""

from connectors.pi_web_api.connector import PiWebApi
from connectors.pi_web_api.settings import PiWebApiConfig

__all__ = ["PiWebApi", "PiWebApiConfig"]
