"""What a flow's SELECT reads and gives."""
import sqlglot
from sqlglot import exp
from headwater.model import OutputColumn, TableName
import re

def analyse(sql, file, schema, form):
    text = re.sub(r"TABLE\(TUMBLE\(TABLE ([\w.]+),[^)]*\), [^)]*\)\)", r"\1", sql)
    tree = sqlglot.parse_one(text)
    reads = []
    for table in tree.find_all(exp.Table):
        if table.db and table.db != "calendar":
            reads.append(TableName.parse(f"{table.db}.{table.name}"))
    outputs = tuple(OutputColumn(name, form.columns[name].type) for name in tree.named_selects)
    return tuple(dict.fromkeys(reads)), outputs
