"""`headwater validate`."""

import json

from click.testing import CliRunner

from cli.validate import command


def test_a_sound_warehouse_is_summed_up(sensors):
    result = CliRunner().invoke(command, ["--warehouse", str(sensors.root)])
    assert result.exit_code == 0
    assert "6 tables, 6 flows, 1 market, 0 fixtures, 0 products: all of it holds together." in result.stdout
    assert "from_places, from_readings" in result.stdout


def test_a_program_reads_the_tables(sensors):
    result = CliRunner().invoke(command, ["--warehouse", str(sensors.root), "--json"])
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["valid"], answer["problems"]) == (0, True, [])
    assert answer["tables"][2] == {
        "name": "dwd.sensors",
        "layer": "dwd",
        "columns": 5,
        "flows": ["from_places", "from_readings"],
        "reads": ["ods.places", "ods.readings"],
    }


def test_problems_are_listed_and_counted_with_exit_status_1(sensors):
    sensors.replace("dwd/sensors/from_places.sql", "ods.places", "ods.place")
    result = CliRunner().invoke(command, ["--warehouse", str(sensors.root)])
    assert result.exit_code == 1
    assert result.stdout == (
        f"{sensors.root}/dwd/sensors/from_places.sql:1:37: there is no table ods.place\n"
        "    Did you mean ods.places?\n"
        "\n✗ 1 problem. Correct the files, then: headwater validate\n"
    )


def test_a_program_reads_the_problems(sensors):
    sensors.replace("dwd/sensors/from_places.sql", "ods.places", "ods.place")
    result = CliRunner().invoke(command, ["--warehouse", str(sensors.root), "--json"])
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["valid"]) == (1, False)
    assert answer["problems"] == [
        {
            "file": f"{sensors.root}/dwd/sensors/from_places.sql",
            "line": 1,
            "column": 37,
            "message": "there is no table ods.place",
            "advice": "Did you mean ods.places?",
        }
    ]
