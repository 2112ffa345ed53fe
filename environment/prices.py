"""What an hour of a machine's parts costs, as an operator says it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from control_plane_server.domain.costs import Prices

_Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceList(BaseModel):
    """CONTROL_PLANE_PRICES, a JSON object: `{"currency": "USD", "vcpu_hour": 0.04, "gb_hour": 0.004}`."""

    model_config = ConfigDict(extra="forbid")

    currency: Annotated[str, Field(min_length=1, max_length=8)]
    vcpu_hour: _Price
    gb_hour: _Price
    gpu_hour: _Price = 0.0

    def to_domain(self) -> Prices:
        return Prices(currency=self.currency, vcpu_hour=self.vcpu_hour, gb_hour=self.gb_hour, gpu_hour=self.gpu_hour)
