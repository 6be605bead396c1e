"""The form of serving/<product>.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from headwater.declaration import DurationText, Form, Names, Scalar, Text

Address = Annotated[tuple[Scalar, ...], Field(strict=False)]


class FreshnessForm(Form):
    """What callers are promised about the data's age."""

    max_age: DurationText = Field(
        description="How old the data may be, in event time, or since its commit where the table has no watermark."
    )
    when_stale: Literal["serve", "refuse"] = Field(
        default="serve", description="When it is older: serve answers and says so, refuse answers with status 503."
    )


class ProductForm(Form):
    """Columns of a table that callers of the data service API get by key. The file's name is the product's."""

    description: Text = Field(description="What callers get, in a sentence.")
    owner: Text = Field(description="Who answers for it.")
    table: Text = Field(description="A dwd or dm table, as dm.surcharge.")
    key: Annotated[Names, Field(min_length=1)] = Field(description="Columns of an answer's address, in order.")
    newest: Text | None = Field(
        default=None,
        description="Of the rows of one address, the one with the greatest value of this column is served.",
    )
    columns: Annotated[Names, Field(min_length=1)] = Field(description="What callers see besides the key.")
    market: Text | None = Field(default=None, description="The column of the key that callers' keys may be limited by.")
    freshness: FreshnessForm
    examples: Annotated[tuple[Address, ...], Field(strict=False)] = Field(
        default=(), description="Addresses for the documentation: a value for each column of the key."
    )
